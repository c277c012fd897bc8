/** Who stands behind a signature, and how many builders so many signers can stand for. */
import type { Identity } from '@vitrine/provenance';

/**
 * One name for all that is in the same hands: of a workflow its repository, since whoever may push there chooses file, tag
 * and runner; of a person the address, whoever vouches for it. Letters are compared without case, as the forges do.
 */
export function signerOf({ workflow, subjectKind, subject, issuer = 'nobody' }: Identity): string {
  if (workflow) return `${workflow.server}/${workflow.repository}`.toLowerCase();
  return (subjectKind === 'email' ? subject : `${subject} by ${issuer}`).toLowerCase();
}

/**
 * How many of the builders have a signer of their own, at the most: a signer stands for one builder only (a matching in a
 * bipartite graph, by augmenting paths; Kuhn 1955).
 * @param candidates for each builder who signed as it would
 */
export function countBuilders(candidates: readonly (readonly string[])[]): number {
  const builderOf = new Map<string, number>();
  const place = (builder: number, tried: Set<string>): boolean =>
    candidates[builder]!.some((signer) => {
      if (tried.has(signer)) return false;
      tried.add(signer);
      const other = builderOf.get(signer);
      if (other !== undefined && !place(other, tried)) return false;
      builderOf.set(signer, builder);
      return true;
    });
  return candidates.filter((_, builder) => place(builder, new Set())).length;
}
