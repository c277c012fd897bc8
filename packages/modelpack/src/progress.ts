/** What a pack tells while it works. */
export type PackEvent =
  /** A revision was asked for that is not a commit: this is the commit that it means now. */
  | { readonly kind: 'resolved'; readonly revision: string; readonly commit: string }
  | {
      readonly kind: 'planned';
      readonly files: number;
      readonly totalBytes: number;
      readonly packSizeBytes: number;
    }
  /** Part of an earlier run is there: so many bytes need not be fetched again (they are proven before they count). */
  | { readonly kind: 'resumed'; readonly presentBytes: number }
  | {
      readonly kind: 'progress';
      readonly doneBytes: number;
      readonly totalBytes: number;
      readonly file: string;
    }
  | { readonly kind: 'warning'; readonly message: string }
  /** A request failed and is made again after the delay. */
  | { readonly kind: 'retry'; readonly message: string; readonly delayMs: number };

export type OnPackEvent = (event: PackEvent) => void;
