import { CommanderError, Command as Program } from 'commander';
import { OPTIONS, type OptionKey } from '../config/options.ts';
import { entries, type Given, loadSettings, type Needing, unknownVariables } from '../config/settings.ts';
import { UnstaleError } from '../core/errors/index.ts';
import type { Log } from '../core/ports.ts';
import type { Command, Context, OptionValues } from './command.ts';
import { COMMANDS } from './commands/index.ts';
import { errorJson, exitOf, formatError } from './report.ts';

/** Runs one command line (without node and script) and resolves with the exit code. Prints; never throws, never exits. */
export async function runCli(argv: readonly string[], env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<number> {
  const json = argv.includes('--json');
  const trace = argv.includes('--trace');
  let code = 0;
  const program = describeProgram(async (command, args, options) => {
    code = await command.run(createContext({ args, options, env, signal, json }));
  });
  if (argv.length === 0) {
    process.stderr.write(program.helpInformation());
    return 2;
  }
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0; // help and version were printed
    const shown = error instanceof CommanderError ? usageError(error) : error;
    process.stderr.write(`${json ? JSON.stringify(errorJson(shown)) : formatError(shown, trace)}\n`);
    return exitOf(shown);
  }
}

type Run = (command: Command, args: readonly string[], options: OptionValues) => Promise<void>;

function describeProgram(run: Run): Program {
  const program = new Program('unstale')
    .description('Invalidates Redis entries from the Postgres WAL, by rule files, once the commit is visible.')
    .version('0.1.0')
    .addHelpText('after', settingsHelp());
  for (const command of COMMANDS) program.addCommand(describeCommand(command, run));
  for (const one of [program, ...program.commands]) {
    one
      .exitOverride()
      .showSuggestionAfterError()
      .configureOutput({ writeErr: () => undefined });
    one.helpOption('-h, --help', 'show help');
  }
  return program;
}

function describeCommand(command: Command, run: Run): Program {
  const program = new Program(command.name).description(command.about);
  if (command.arguments) program.argument(command.arguments);
  for (const option of command.options) program.option(option.flags, option.about);
  program.option('--json', 'print JSON for programs').option('--trace', 'print stack traces with errors');
  for (const key of command.settings) {
    const { flag, value, about, name } = OPTIONS[key];
    program.option(`--${flag} <${value}>`, `${about} [${name}]`);
  }
  const examples = command.examples.map(({ command: line, does }) => `  $ unstale ${line}\n      ${does}`);
  program.addHelpText('after', `\nExamples:\n${examples.join('\n')}`);
  program.action(async (...received: unknown[]) => {
    const args = command.arguments ? [received[0] ?? []].flat().map(String) : [];
    await run(command, args, program.opts());
  });
  return program;
}

function createContext(from: {
  args: readonly string[];
  options: OptionValues;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  json: boolean;
}): Context {
  const given = givenSettings(from.options);
  return {
    ...from,
    given,
    settings: <K extends OptionKey = never>(needs: readonly K[] = []): Needing<K> =>
      loadSettings(from.env, given, needs),
    print: (line = '') => void process.stdout.write(`${line}\n`),
    log: lazyLog(() => loadSettings(from.env, given), from.env),
  };
}

/** pino is loaded by the commands that log, when they first do. */
function lazyLog(settings: () => ReturnType<typeof loadSettings>, env: NodeJS.ProcessEnv): () => Promise<Log> {
  let log: Promise<Log> | undefined;
  return () => {
    log ??= import('../telemetry/log.ts').then(({ createLog }) => {
      const { logLevel, logFormat } = settings();
      const created = createLog({ level: logLevel, format: logFormat });
      const unknown = unknownVariables(env);
      if (unknown.length > 0) created.warn({ variables: unknown }, 'environment variables that unstale does not know');
      return created;
    });
    return log;
  };
}

/** Flags that are settings, by key: commander names them in camel case after the flag. */
function givenSettings(options: OptionValues): Given {
  const given: Record<string, string> = {};
  for (const [key, option] of entries()) {
    const value = options[option.flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())];
    if (typeof value === 'string') given[key] = value;
  }
  return given;
}

function usageError(error: CommanderError): UnstaleError {
  return new UnstaleError('USAGE', error.message.replace(/^error: /, '').replace(/\n/g, ' '));
}

function settingsHelp(): string {
  const rows = entries().map(([, { name, about, ...option }]) => {
    const preset = 'default' in option ? ` (default: ${option.default})` : '';
    return `  ${name.padEnd(20)} ${about}${preset}`;
  });
  return `\nSettings, each also a flag of the commands that use it:\n${rows.join('\n')}\n\nEach command explains itself: unstale <command> --help`;
}
