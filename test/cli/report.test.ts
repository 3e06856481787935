import { describe, expect, it } from 'vitest';
import { errorJson, exitOf, findingJson, formatError, formatFinding } from '../../src/cli/report.ts';
import { type Finding, UnstaleError } from '../../src/core/errors/index.ts';

const finding: Finding = {
  code: 'RULE_UNKNOWN_COLUMN',
  severity: 'error',
  message: 'public.projects has no column nmae',
  hint: 'did you mean name?',
  place: { file: 'rules/a.yaml', line: 5, column: 12 },
  source: '    watch: [nmae]',
};

describe('a finding', () => {
  it('shows place, code, message, the line with a mark under the column, and the hint', () => {
    expect(formatFinding(finding)).toBe(
      [
        'rules/a.yaml:5:12: error RULE_UNKNOWN_COLUMN: public.projects has no column nmae',
        '        watch: [nmae]',
        '               ^',
        '  hint: did you mean name?',
      ].join('\n'),
    );
  });

  it('is flat in JSON', () => {
    expect(findingJson(finding)).toEqual({
      code: 'RULE_UNKNOWN_COLUMN',
      severity: 'error',
      file: 'rules/a.yaml',
      line: 5,
      column: 12,
      message: 'public.projects has no column nmae',
      hint: 'did you mean name?',
    });
  });
});

describe('an error', () => {
  it('with a code shows it with its hint, and exits as the catalogue says', () => {
    const error = new UnstaleError('SETTINGS_INVALID', 'X is wrong');
    expect(formatError(error, false)).toMatch(/^error SETTINGS_INVALID: X is wrong\n {2}hint: /);
    expect(exitOf(error)).toBe(2);
    expect(errorJson(error)).toMatchObject({
      code: 'SETTINGS_INVALID',
      message: 'X is wrong',
      hint: expect.any(String),
    });
  });

  it('without a code is a defect of ours, says how to report it, and keeps its stack to itself', () => {
    const error = new Error('unforeseen');
    expect(formatError(error, false)).toBe(
      'error INTERNAL: unforeseen\n  hint: run again with --trace and report what it prints',
    );
    expect(formatError(error, true)).toContain('report.test.ts');
    expect(errorJson(error)).toMatchObject({ code: 'INTERNAL' });
    expect(exitOf(error)).toBe(1);
  });
});
