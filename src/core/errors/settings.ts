import { defineErrors } from './define.ts';

export const settingsErrors = defineErrors({
  SETTINGS_INVALID: {
    about: 'One or more settings are missing or wrong. All of them are named at once.',
    hint: 'correct the settings that are named; `unstale --help` lists them all',
    retry: 'never',
    exit: 2,
  },
  USAGE: {
    about: 'The command line is wrong: an unknown command or option, or a missing argument.',
    hint: 'see `unstale --help`',
    retry: 'never',
    exit: 2,
  },
  CONFIRMATION_REFUSED: {
    about: 'Something large or destructive was asked for and not confirmed.',
    hint: 'answer yes, or pass --yes where nobody can be asked',
    retry: 'never',
    exit: 1,
  },
  RULES_NOT_FOUND: {
    about: 'There is no rule file where UNSTALE_RULES points.',
    hint: 'set UNSTALE_RULES (or --rules) to a folder with .yaml files, or to files',
    retry: 'never',
    exit: 2,
  },
  RULES_INVALID: {
    about: 'The rule files have errors. A set with an error is refused whole.',
    hint: 'run `unstale check` and correct what it names',
    retry: 'never',
    exit: 1,
  },
  INTERNAL: {
    about: 'Something went wrong that has no code of its own: a defect in unstale.',
    hint: 'run again with --trace and report what it prints',
    retry: 'never',
    exit: 1,
  },
});
