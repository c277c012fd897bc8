/** What a policy's builders are called, and where their releases are. */
import { githubServer } from './policy-file/default.ts';
import type { BuilderPolicy } from './policy.ts';

/** "owner/name" on GitHub.com, with the server elsewhere; or the subject. */
export function builderName(builder: BuilderPolicy): string {
  if ('subject' in builder) return builder.subject;
  if ('project' in builder) return `${builder.issuer}/${builder.project}`;
  const { server, repository } = builder;
  return server === githubServer ? repository : `${server}/${repository}`;
}

/** "owner/name" of the first on GitHub.com, where releases can be looked up. */
export function githubRepository(builders: readonly BuilderPolicy[]): string | undefined {
  for (const builder of builders)
    if ('repository' in builder && builder.server === githubServer) return builder.repository;
  return undefined;
}

/** What is built by the first builder, where that is a repository; a person builds more than one service. */
export function builtService([first]: readonly BuilderPolicy[]): string | undefined {
  return first && !('subject' in first) ? builderName(first) : undefined;
}
