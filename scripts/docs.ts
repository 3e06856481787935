// Writes the parts of the manual that are made from the code: docs/errors.md from the error catalogue, the table of
// settings in README.md from the table of options. `npm run docs`; test/house.test.ts fails when they are behind.
import { readFileSync, writeFileSync } from 'node:fs';
import { errorsPage, settingsTable } from '../src/cli/manual.ts';

writeFileSync('docs/errors.md', errorsPage());
const readme = readFileSync('README.md', 'utf8');
writeFileSync(
  'README.md',
  readme.replace(
    /(<!-- settings -->\n)[\s\S]*?(<!-- \/settings -->)/,
    (_, begin: string, end: string) => begin + settingsTable() + end,
  ),
);
