import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { jsonSchema } from '../../src/rules/index.ts';

describe('the JSON Schema for editors', () => {
  it('is rules/schema.json, equal to what the grammar gives (unstale schema > rules/schema.json)', () => {
    const text = `${JSON.stringify(jsonSchema(), null, 2)}\n`;
    expect(readFileSync('rules/schema.json', 'utf8')).toBe(text);
  });

  it('describes every field, and lets scalars be numbers and booleans where their text is what counts', () => {
    const text = JSON.stringify(jsonSchema());
    expect(text).toContain('"const":1');
    expect(text).toContain('"additionalProperties":false');
    expect(text).toContain('"type":["string","number","boolean","null"]');
    // A column `007` or a value `1.50` must not be marked as wrong: only names of properties are strings and nothing else.
    expect(text.replaceAll('"propertyNames":{"type":"string"}', '')).not.toContain('{"type":"string"}');
  });

  it('has the fields that the examples of the grammar use', () => {
    const schema = JSON.parse(JSON.stringify(jsonSchema()));
    const rule = schema.properties.rules.additionalProperties.properties;
    expect(Object.keys(rule)).toEqual(
      expect.arrayContaining([
        'key',
        'index',
        'version',
        'pattern',
        'tree',
        'levels',
        'watch',
        'ttl',
        'rebuild',
        'scan',
      ]),
    );
    expect(Object.keys(rule.rebuild.properties)).toEqual(expect.arrayContaining(['sql', 'http', 'module', 'schedule']));
    expect(parse('on')).toBe('on'); // YAML 1.2: `fence: on` is a word
  });
});
