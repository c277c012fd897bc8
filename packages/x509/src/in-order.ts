/** Steps that run side by side and fail as one after the other would: the first in the list that failed is thrown. */
export async function inOrder<T>(steps: readonly Promise<T>[]): Promise<T[]> {
  const outcomes = await Promise.allSettled(steps);
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}

/** A step that was begun early: what it throws is for whoever awaits it, also if nobody comes to that. */
export function begun<T>(step: Promise<T>): Promise<T> {
  step.catch(() => undefined);
  return step;
}
