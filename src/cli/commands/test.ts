import { normalize } from 'node:path';
import { UnstaleError } from '../../core/errors/index.ts';
import type { TestResult } from '../../plan/rule-tests.ts';
import type { RuleTest } from '../../rules/index.ts';
import type { Command } from '../command.ts';

interface Outcome extends TestResult {
  readonly test: RuleTest;
}

export const test: Command = {
  name: 'test',
  about: "Runs the rule files' own tests. No database is needed.",
  arguments: '[files...]',
  options: [],
  settings: ['rules'],
  examples: [
    { command: 'test', does: 'runs every test in ./rules' },
    { command: 'test rules/orders.test.yaml', does: 'runs the tests of one file; they see all rules of ./rules' },
  ],
  async run(context) {
    const [{ requireRules }, { runRuleTest }] = await Promise.all([
      import('../rules.ts'),
      import('../../plan/rule-tests.ts'),
    ]);
    const { ruleSet } = await requireRules(filesToLoad(context.args, context.settings().rules));
    const tests = ruleSet.tests.filter((one) => isAsked(one.place.file, context.args));
    if (tests.length === 0 && context.args.length > 0) {
      throw new UnstaleError('USAGE', `there is no rule test in ${context.args.join(', ')}`);
    }
    const outcomes: Outcome[] = tests.map((one) => ({ test: one, ...runRuleTest(ruleSet, one) }));
    const failed = outcomes.filter((outcome) => !outcome.ok).length;
    if (context.json) context.print(JSON.stringify(asJson(outcomes, failed), null, 2));
    else {
      for (const outcome of outcomes) context.print(asText(outcome));
      context.print(`${outcomes.length - failed} passed, ${failed} failed`);
    }
    return failed === 0 ? 0 : 1;
  },
};

/** Files that hold only tests see all configured rules; other files are taken as they are given. */
function filesToLoad(args: readonly string[], configured: readonly string[]): readonly string[] {
  if (args.length === 0) return configured;
  return args.some((file) => /\.test\.ya?ml$/.test(file)) ? [...configured, ...args] : args;
}

function isAsked(file: string, args: readonly string[]): boolean {
  const bare = (path: string) => normalize(path).replace(/\/+$/, '');
  return (
    args.length === 0 ||
    args.some((arg) => bare(file) === bare(arg) || bare(file).startsWith(`${bare(arg)}/`) || bare(arg) === '.')
  );
}

function asJson(outcomes: readonly Outcome[], failed: number): object {
  const tests = outcomes.map(({ test: { name, place }, ok, missing, extra }) => ({
    file: place.file,
    name,
    ok,
    missing,
    extra,
  }));
  return { passed: outcomes.length - failed, failed, tests };
}

function asText({ test: { name, place }, ok, missing, extra }: Outcome): string {
  const lines = [`${ok ? 'ok  ' : 'FAIL'} ${place.file}:${place.line} ${name}`];
  for (const { verb, key } of missing) lines.push(`     - ${verb} ${key}   (expected, not touched)`);
  for (const { verb, key } of extra) lines.push(`     + ${verb} ${key}   (touched, not expected)`);
  return lines.join('\n');
}
