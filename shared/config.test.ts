import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { ConfigError, parseConfig } from './config.ts';

const schema = z.object({ PORT: z.coerce.number().default(8000), SECRET: z.string().min(32) });

describe('parseConfig', () => {
  it('gives the parsed values with their defaults', () => {
    expect(parseConfig(schema, { SECRET: 'x'.repeat(32), PORT: '' })).toEqual({ PORT: 8000, SECRET: 'x'.repeat(32) });
  });

  it("takes workerd's null for a variable that is not set", () => {
    expect(parseConfig(schema, { SECRET: 'x'.repeat(32), PORT: null })).toMatchObject({ PORT: 8000 });
  });

  it('names every bad variable and shows no value', () => {
    const bad = () => parseConfig(schema, { PORT: 'eighty', SECRET: 'hunter2' });
    expect(bad).toThrow(ConfigError);
    expect(bad).toThrow(/PORT[\s\S]*SECRET/);
    expect(bad).not.toThrow(/hunter2|eighty/);
  });
});
