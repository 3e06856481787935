/** A function that templates can call: one file each in this folder, one line in index.ts, one test. */
export interface TemplateFunction {
  readonly name: string;
  /** One sentence for help and manual. */
  readonly about: string;
  /** Names of the arguments in order; `?` marks one that may be left out, `...` one that repeats. */
  readonly arguments: readonly string[];
  /**
   * Arguments as text (placeholders' values and constants) to the text that stands in the key; an array gives one key an
   * element; null gives no key. Throws an Error when a value cannot be used: the placeholder is then widened.
   */
  apply(...values: readonly string[]): string | readonly string[] | null;
  /** Checks constant arguments when a rule file is read (a time zone, say): a message if they are wrong. */
  check?(constants: readonly (string | undefined)[]): string | undefined;
  /** Run as tests and printed by help. */
  readonly examples: readonly { readonly call: readonly string[]; readonly gives: string | readonly string[] | null }[];
}
