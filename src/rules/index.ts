export type {
  ColumnTest,
  Expression,
  Family,
  Literal,
  Part,
  Rule,
  RuleSet,
  RuleTest,
  Template,
  TestChange,
  TestRow,
  Watch,
} from './compiled.ts';
export type { TemplateFunction } from './functions/define.ts';
export { FUNCTIONS } from './functions/index.ts';
export { compileGlob, globEscape } from './glob.ts';
export { jsonSchema } from './grammar.ts';
export { type LoadedRules, loadRules, type RuleText } from './load.ts';
export { nearest, suggest } from './nearest.ts';
export { parseRow } from './row.ts';
export {
  compileTemplate,
  type Expanded,
  expand,
  type Fill,
  type FillOptions,
  type Values,
  type Widened,
  type WidenReason,
} from './template.ts';
export { parseTemplate } from './template-syntax.ts';
