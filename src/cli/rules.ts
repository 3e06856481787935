import { readRuleFiles } from '../config/rule-files.ts';
import { UnstaleError } from '../core/errors/index.ts';
import type { ValidRules } from '../roles/checks.ts';
import { type LoadedRules, loadRules } from '../rules/index.ts';

/** Reads and validates rule files; what is wrong with them is in `findings`. */
export async function readRules(paths: readonly string[]): Promise<LoadedRules> {
  return loadRules(await readRuleFiles(paths));
}

/** Rules that can be run, or RULES_INVALID with everything that is wrong. */
export async function requireRules(paths: readonly string[]): Promise<ValidRules> {
  const { ruleSet, locate, findings } = await readRules(paths);
  const errors = findings.filter((finding) => finding.severity === 'error');
  if (ruleSet && errors.length === 0) return { ruleSet, locate };
  throw new UnstaleError('RULES_INVALID', `the rule files have errors: ${errors.length}`, { findings: errors });
}
