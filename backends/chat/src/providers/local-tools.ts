import * as z from 'zod';

const JsonSchema = z.object({
  type: z.string().optional(),
  enum: z.array(z.unknown()).min(1).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
});

const Tool = z.object({ function: z.object({ name: z.string(), parameters: z.unknown() }) });

export type ToolCall = { id: string; name: string; arguments: string };

/** A call of the first tool: strings in its arguments are what the user said, everything else is as small as can be. */
export function firstToolCall(tools: readonly unknown[], said: string): ToolCall | null {
  const tool = Tool.safeParse(tools[0]);
  if (!tool.success) return null;
  const { name, parameters } = tool.data.function;
  return { id: 'call_local_1', name, arguments: JSON.stringify(objectOf(parameters, said)) };
}

function objectOf(schema: unknown, said: string): Record<string, unknown> {
  const { properties = {}, required = [] } = JsonSchema.safeParse(schema).data ?? {};
  return Object.fromEntries(required.map((name) => [name, valueOf(properties[name], said)]));
}

function valueOf(schema: unknown, said: string): unknown {
  const { type, enum: choices } = JsonSchema.safeParse(schema).data ?? {};
  if (choices) return choices[0];
  if (type === 'number' || type === 'integer') return 1;
  if (type === 'boolean') return true;
  if (type === 'array') return [];
  return type === 'object' ? objectOf(schema, said) : said;
}
