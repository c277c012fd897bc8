/** The keys of a policy file about one who may build: a workflow of GitHub, a pipeline of GitLab, or anybody else. */
import type { BuilderPolicy, PipelineBuilder, SubjectBuilder, WorkflowBuilder } from '../policy.ts';
import { githubActionsIssuer, githubReleases, gitlabIssuer } from './default.ts';
import { type Form, choice } from './form.ts';
import { among, oneSection, section } from './section.ts';
import {
  any,
  configuration,
  issuer,
  project,
  refPattern,
  repository,
  server,
  subject,
  workflow,
} from './values.ts';

const releases = githubReleases('owner/name');

const ref = {
  key: 'ref',
  form: refPattern,
  comment: 'Tag or branch it was built from; anchored, * within one segment.',
  absent: { value: releases.ref },
};

const ofGithub = section<WorkflowBuilder>('a workflow of GitHub', {
  issuer: {
    key: 'issuer',
    form: issuer,
    comment: 'Who says which workflow it was.',
    absent: { value: githubActionsIssuer },
  },
  server: {
    key: 'server',
    form: server,
    comment: 'Where the repository is. Of GitHub Enterprise the server, and above the issuer that it has.',
    absent: { value: releases.server },
  },
  repository: { key: 'repository', form: repository, comment: 'owner/name, exact.' },
  workflow: {
    key: 'workflow',
    form: any(workflow),
    comment: 'File in .github/workflows. any: every workflow of that repository.',
    absent: { value: releases.workflow },
  },
  ref,
  runnerEnvironment: {
    key: 'runner-environment',
    form: any(choice(['github-hosted', 'self-hosted'])),
    comment: 'A self-hosted runner can be altered by whoever owns it.',
    absent: { value: releases.runnerEnvironment },
  },
});

const ofGitlab = section<PipelineBuilder>('a pipeline of GitLab', {
  issuer: {
    key: 'issuer',
    form: issuer,
    comment: 'The GitLab server, which says which pipeline it was and where the project is.',
    absent: { value: gitlabIssuer },
  },
  project: { key: 'project', form: project, comment: 'group/name with all groups, exact.' },
  configuration: {
    key: 'configuration',
    form: any(configuration),
    comment: 'File that the pipeline is in, such as .gitlab-ci.yml. any: every file of that project.',
    absent: { value: null },
  },
  ref,
  runnerEnvironment: {
    key: 'runner-environment',
    form: any(choice(['gitlab-hosted', 'self-hosted'])),
    comment: "A self-hosted runner can be altered by whoever owns it. A server of one's own has no others.",
    absent: { value: 'gitlab-hosted' },
  },
});

const ofSubject = section<SubjectBuilder>('a person or service', {
  issuer: { key: 'issuer', form: issuer, comment: 'Who says who it was, exact.' },
  subject: {
    key: 'subject',
    form: subject,
    comment: 'Address, or URI of a service account, as it stands in the certificate, exact.',
  },
});

/** Which of the three it is, says the key that the others do not have. */
export const builder: Form<BuilderPolicy> = oneSection('one who may build', [
  among('repository', ofGithub, (one: BuilderPolicy) => 'repository' in one),
  among('project', ofGitlab, (one: BuilderPolicy) => 'project' in one),
  among('subject', ofSubject, (one: BuilderPolicy) => 'subject' in one),
]);
