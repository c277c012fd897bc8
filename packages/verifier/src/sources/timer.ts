/** Time limits that count a peer's time: what this process could not use itself is given back, once. */

export interface Timer {
  stop(): void;
}

/**
 * After a pause of the process (much other work, a machine that slept) a timer is served before the answers that have
 * arrived meanwhile. So it lets them come first, and as long again as it came late itself, at most `ms`.
 */
export function startTimer(ms: number, onOver: () => void): Timer {
  const dueMs = performance.now() + ms;
  let handle = setTimeout(() => {
    const lostMs = performance.now() - dueMs;
    handle = setTimeout(onOver, Math.min(Math.max(lostMs, 0), ms));
  }, ms);
  return { stop: () => clearTimeout(handle) };
}
