import { describe, expect, it } from 'vitest';
import { mu } from './mu.ts';
import { promptOf } from './prompt-of.ts';

const of = (systemPrompt: string, ...tools: { name: string; description?: string }[]) =>
  promptOf({ systemPrompt }, tools);

describe('the prompt of a persona', () => {
  it('names the tools of the request where the persona wants them', () => {
    expect(of('Hi. {tools_section}', { name: 'look', description: 'Looks\naround' }, { name: 'run' })).toBe(
      'Hi. You can use these tools:\n- look: Looks around\n- run',
    );
  });

  it('shows no placeholder where there are no tools', () => {
    expect(of('Hi.\n\n{tools_section}')).toBe('Hi.');
    expect(promptOf(mu)).not.toContain('{');
    expect(promptOf(mu)).toMatch(/^You are Mu/);
  });

  it('adds no tools where the persona does not want them', () => {
    expect(of('Hi.', { name: 'look' })).toBe('Hi.');
  });

  it('reads nothing into what tools say of themselves', () => {
    const sly = of('A {tools_section} B', { name: 'x', description: '$& $1 {tools_section}' });
    expect(sly).toBe('A You can use these tools:\n- x: $& $1 {tools_section} B');
    expect(of('{tools_section}', { name: 'x', description: 'y'.repeat(10_000) }).length).toBeLessThan(600);
  });
});
