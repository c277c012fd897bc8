/** How many witnesses a bundle must have, by the instance of Sigstore that it is of. */

export interface SigstoreRequirements {
  /** Entries in transparency logs of the trusted root. */
  readonly tlogEntriesMin: number;
  /** Default: as many as a bundle may have. */
  readonly tlogEntriesMax?: number | undefined;
  /** Timestamps of the certificate, by certificate logs of the trusted root. */
  readonly sctsMin: number;
  /** Distinct observers of the time: timestamp authorities, and logs that signed a promise. */
  readonly observerTimestampsMin: number;
}

/** The public-good instance, and the default. */
export const publicGoodRequirements: SigstoreRequirements = {
  tlogEntriesMin: 1,
  sctsMin: 1,
  observerTimestampsMin: 1,
};

/** GitHub's own instance, for private repositories: it keeps no public logs, its timestamp authority observes. */
export const githubRequirements: SigstoreRequirements = {
  tlogEntriesMin: 0,
  sctsMin: 0,
  observerTimestampsMin: 1,
};

/** @throws RangeError for what is no count: a comparison with it would hold for every bundle */
export function requireCounts(requirements: SigstoreRequirements): SigstoreRequirements {
  const { tlogEntriesMin, tlogEntriesMax = 0, sctsMin, observerTimestampsMin } = requirements;
  const counts = [tlogEntriesMin, tlogEntriesMax, sctsMin, observerTimestampsMin];
  if (counts.every((count) => Number.isSafeInteger(count) && count >= 0)) return requirements;
  throw new RangeError(`Requirements must be whole numbers from 0, found ${counts.join(', ')}.`);
}
