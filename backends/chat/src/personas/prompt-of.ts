import type { Persona } from './persona.ts';

/** What a model may call, as the request offers it. */
export type OfferedTool = { name: string; description?: string | undefined };

const placeholder = '{tools_section}';
const maxDescription = 500;

/**
 * The system prompt of a persona for one request. Its `{tools_section}` becomes the tools' names and descriptions, or
 * nothing where there are none; what tools say about themselves is never read as a placeholder.
 */
export function promptOf({ systemPrompt }: Pick<Persona, 'systemPrompt'>, tools: readonly OfferedTool[] = []): string {
  return systemPrompt.split(placeholder).join(toolsSection(tools)).trim();
}

function toolsSection(tools: readonly OfferedTool[]): string {
  if (tools.length === 0) return '';
  return ['You can use these tools:', ...tools.map(line)].join('\n');
}

function line({ name, description = '' }: OfferedTool): string {
  const said = description.replaceAll(/\s+/g, ' ').trim().slice(0, maxDescription).toWellFormed();
  return said === '' ? `- ${name}` : `- ${name}: ${said}`;
}
