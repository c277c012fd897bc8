/** The builder that a signer of a release would be, in a policy that is drafted. */
import { parseWorkflowUri } from '@vitrine/provenance';
import type { PipelineBuilder, WorkflowBuilder } from '../policy.ts';
import { githubActionsIssuer, gitlabIssuer } from './default.ts';
import type { Form } from './form.ts';
import * as values from './values.ts';

/**
 * A workflow or pipeline: tags are meant, a branch is meant exactly. Undefined for anybody else, and for names that a policy
 * cannot have.
 */
export function builderOfSigner(signer: {
  readonly issuer: string;
  readonly identity: string;
}): WorkflowBuilder | PipelineBuilder | undefined {
  const run = parseWorkflowUri(signer.identity.slice(0, 1000));
  const issuer = accepted(values.issuer, signer.issuer);
  const ref = run && refOf(run.ref);
  if (!run || issuer === undefined || ref === undefined) return undefined;
  if (run.system === 'github') {
    const server = accepted(values.server, run.server);
    const repository = accepted(values.repository, run.repository);
    const workflow = accepted(values.workflow, run.path.slice('.github/workflows/'.length));
    if (server === undefined || repository === undefined || workflow === undefined) return undefined;
    // Other issuers say nothing of their runners.
    const runnerEnvironment = issuer === githubActionsIssuer ? 'github-hosted' : null;
    return { issuer, server, repository, workflow, ref, runnerEnvironment };
  }
  const address = `${run.server}/${run.repository}`;
  if (!address.startsWith(`${issuer}/`)) return undefined;
  const project = accepted(values.project, address.slice(issuer.length + 1));
  const configuration = accepted(values.configuration, run.path);
  if (project === undefined || configuration === undefined) return undefined;
  const runnerEnvironment = issuer === gitlabIssuer ? 'gitlab-hosted' : null;
  return { issuer, project, configuration, ref, runnerEnvironment };
}

function refOf(ref: string): string | undefined {
  if (ref.startsWith('refs/tags/')) return 'refs/tags/*';
  // A star in a branch's own name would be a pattern.
  return ref.includes('*') ? undefined : accepted(values.refPattern, ref);
}

/** The value as a policy may hold it; undefined where it may not. Services choose what stands in a result. */
export function accepted(form: Form<string>, text: string): string | undefined {
  if (text.length > 1000 || !new RegExp(form.schema.pattern!, 'u').test(text)) return undefined;
  return form.read({ kind: 'scalar', place: { line: 1, column: 1, path: '' }, text, isQuoted: true });
}
