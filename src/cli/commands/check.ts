import type { Command, Context } from '../command.ts';
import { findingJson, formatFinding, plural } from '../report.ts';

export const check: Command = {
  name: 'check',
  about: 'Are the rule files well-formed; with --database, are they true: tables, columns, identities, publication.',
  options: [
    { flags: '--database', about: 'compare with the database at DATABASE_URL too' },
    { flags: '--strict', about: 'exit with 3 if there are only warnings' },
  ],
  settings: ['rules', 'databaseUrl', 'name'],
  examples: [
    { command: 'check', does: 'reports every mistake in ./rules at once, with file, line, column, code and hint' },
    { command: 'check --database --strict', does: 'in a pipeline: fails on warnings too, with SQL to paste' },
  ],
  async run(context) {
    const { readRules } = await import('../rules.ts');
    const settings = context.settings(context.options.database === true ? ['databaseUrl'] : []);
    const loaded = await readRules(settings.rules);
    const findings = [...loaded.findings];
    if (context.options.database === true && loaded.ruleSet) {
      const { checkDatabase } = await import('../../roles/checks.ts');
      findings.push(
        ...(await checkDatabase(
          { ruleSet: loaded.ruleSet, locate: loaded.locate },
          context.settings(['databaseUrl']),
          await context.log(),
        )),
      );
    }
    print(context, findings, loaded.ruleSet?.rules.length);
    if (findings.some((finding) => finding.severity === 'error')) return 1;
    return findings.length > 0 && context.options.strict === true ? 3 : 0;
  },
};

function print(context: Context, findings: Parameters<typeof findingJson>[0][], rules: number | undefined): void {
  if (context.json) {
    context.print(JSON.stringify(findings.map(findingJson), null, 2));
    return;
  }
  for (const finding of findings) context.print(`${formatFinding(finding)}\n`);
  const errors = findings.filter((finding) => finding.severity === 'error').length;
  const counted = rules === undefined ? '' : `${plural(rules, 'rule')}, `;
  context.print(`${counted}${plural(errors, 'error')}, ${plural(findings.length - errors, 'warning')}`);
}
