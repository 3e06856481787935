import type { OptionKey } from '../config/options.ts';
import type { Given, Needing } from '../config/settings.ts';
import type { Log } from '../core/ports.ts';

/** Values of a command's own options, by camel-case name, as the command line parser gives them. */
export type OptionValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

export interface Context {
  readonly args: readonly string[];
  readonly options: OptionValues;
  /** Print one JSON document (or JSON lines) instead of text for people. */
  readonly json: boolean;
  /** Settings with these present; throws SETTINGS_INVALID with all mistakes at once. */
  settings<K extends OptionKey = never>(needs?: readonly K[]): Needing<K>;
  /** Settings as flags, unvalidated. */
  readonly given: Given;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A line on standard output. */
  print(line?: string): void;
  log(): Promise<Log>;
  /** Aborted on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

export interface CommandOption {
  /** As commander reads it: `--row <json>`. */
  readonly flags: string;
  readonly about: string;
}

/** A command: one file in commands/, one line in commands/index.ts. Help and manual are made from this. */
export interface Command {
  readonly name: string;
  readonly about: string;
  /** Positional arguments as commander reads them: `[files...]`. */
  readonly arguments?: string;
  readonly options: readonly CommandOption[];
  /** The settings that matter to it: offered as flags. */
  readonly settings: readonly OptionKey[];
  readonly examples: readonly { readonly command: string; readonly does: string }[];
  /** Does it, prints it, and returns the exit code: 0 fine, 1 failed, 3 only warnings with --strict. Loads what it needs lazily. */
  run(context: Context): Promise<number>;
}
