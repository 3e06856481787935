export { decide, type Trace, type Verdict } from './decide.ts';
export { createMatcher, type Match, type Matcher, type MissingColumn } from './matcher.ts';
export { MISSING, type ResolvedTest, type ResolvedWatch } from './resolve.ts';
