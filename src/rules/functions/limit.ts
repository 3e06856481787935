/** As many keys as one template may give for one row image; beyond it the placeholder is widened instead. */
export const MOST_KEYS = 1000;

/** Thrown by functions that would give more than MOST_KEYS keys. */
export class TooManyKeys extends Error {
  override readonly name = 'TooManyKeys';
}
