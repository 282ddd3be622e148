import type { JsonObject } from '#shared/json.ts';
import type { CallerField } from '../caller-field.ts';

type AssistantMessage = { role: 'assistant'; content: string | null; tool_calls: JsonObject[] };

/**
 * The input items of a Responses request as chat messages. A message and the calls behind it are one message; results
 * of tools hold text only, so their images and files follow as the user's.
 */
export function chatMessages(request: CallerField): JsonObject[] {
  const instructions = request.at('instructions').optionalString();
  const input = request.at('input');
  const transcript = new Transcript();
  if (instructions) transcript.add({ role: 'system', content: instructions });
  if (typeof input.value === 'string') transcript.add({ role: 'user', content: input.value });
  else for (const item of input.optionalItems()) transcript.addItem(item);
  return transcript.end();
}

class Transcript {
  readonly #messages: JsonObject[] = [];
  #assistant: AssistantMessage | undefined;
  /** Of the results of tools, until something else comes. */
  #attachments: JsonObject[] = [];

  readonly #kinds: ReadonlyMap<string, (item: CallerField) => void> = new Map([
    ['message', (item: CallerField) => this.#addMessage(item)],
    ['function_call', (item: CallerField) => this.#addCall(item)],
    ['function_call_output', (item: CallerField) => this.#addResult(item)],
    ['reasoning', () => undefined],
  ]);

  addItem(item: CallerField): void {
    const type = item.at('type');
    const add = this.#kinds.get(type.optionalString() ?? 'message');
    if (!add) throw type.invalid('cannot be given to this model');
    add(item);
  }

  add(message: JsonObject): void {
    this.#endAssistant();
    this.#endResults();
    this.#messages.push(message);
  }

  end(): JsonObject[] {
    this.#endAssistant();
    this.#endResults();
    return this.#messages;
  }

  #addMessage(item: CallerField): void {
    const role = item.at('role');
    const parts = partsOf(item.at('content'));
    if (role.value === 'assistant') this.#addSpoken(textOnly(item.at('content'), parts));
    else if (role.value === 'user') this.add({ role: 'user', content: shortest(parts) });
    else if (role.value === 'system' || role.value === 'developer') {
      this.add({ role: 'system', content: textOnly(item.at('content'), parts) });
    } else throw role.invalid('must be user, assistant, system or developer');
  }

  #addSpoken(content: string): void {
    this.#endAssistant();
    this.#endResults();
    this.#assistant = { role: 'assistant', content, tool_calls: [] };
  }

  #addCall(item: CallerField): void {
    this.#endResults();
    this.#assistant ??= { role: 'assistant', content: null, tool_calls: [] };
    this.#assistant.tool_calls.push({
      id: item.at('call_id').string(),
      type: 'function',
      function: { name: item.at('name').string(), arguments: item.at('arguments').string() },
    });
  }

  #addResult(item: CallerField): void {
    this.#endAssistant();
    const id = item.at('call_id').string();
    const parts = partsOf(item.at('output'));
    const texts = parts.filter(isText);
    this.#messages.push({ role: 'tool', tool_call_id: id, content: joined(texts) });
    if (texts.length === parts.length) return;
    this.#attachments.push({ type: 'text', text: `Attached to the result of the tool call ${id}:` });
    for (const part of parts) if (!isText(part)) this.#attachments.push(part);
  }

  #endAssistant(): void {
    if (!this.#assistant) return;
    const { tool_calls, ...message } = this.#assistant;
    this.#messages.push(tool_calls.length > 0 ? { ...message, tool_calls } : message);
    this.#assistant = undefined;
  }

  #endResults(): void {
    if (this.#attachments.length > 0) this.#messages.push({ role: 'user', content: this.#attachments });
    this.#attachments = [];
  }
}

const partOf: ReadonlyMap<string, (part: CallerField) => JsonObject> = new Map([
  ['input_text', (part: CallerField) => text(part.at('text').string())],
  ['output_text', (part: CallerField) => text(part.at('text').string())],
  ['refusal', (part: CallerField) => text(part.at('refusal').string())],
  ['input_image', imagePart],
  ['input_file', filePart],
]);

function partsOf(content: CallerField): JsonObject[] {
  if (typeof content.value === 'string') return [text(content.value)];
  return content.items().map((part) => {
    const type = part.at('type');
    const read = partOf.get(type.string());
    if (!read) throw type.invalid('cannot be given to this model');
    return read(part);
  });
}

function imagePart(part: CallerField): JsonObject {
  if (part.at('file_id').isGiven)
    throw part.at('file_id').invalid('names a file that this model’s provider cannot read');
  const detail = part.at('detail').optionalString();
  return { type: 'image_url', image_url: { url: part.at('image_url').string(), ...(detail && { detail }) } };
}

function filePart(part: CallerField): JsonObject {
  for (const name of ['file_id', 'file_url']) {
    if (part.at(name).isGiven) throw part.at(name).invalid('names a file that this model’s provider cannot read');
  }
  const filename = part.at('filename').optionalString();
  return { type: 'file', file: { ...(filename && { filename }), file_data: part.at('file_data').string() } };
}

function text(text: string): JsonObject {
  return { type: 'text', text };
}

function isText(part: JsonObject): boolean {
  return part['type'] === 'text';
}

/** A text where there is nothing else, which every vendor understands. */
function shortest(parts: JsonObject[]): unknown {
  const [first] = parts;
  return first && parts.length === 1 && isText(first) ? first['text'] : parts;
}

function textOnly(content: CallerField, parts: JsonObject[]): string {
  if (!parts.every(isText)) throw content.invalid('may hold text only');
  return joined(parts);
}

function joined(parts: JsonObject[]): string {
  return parts.map(({ text }) => text).join('\n');
}
