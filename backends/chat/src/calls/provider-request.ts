import { isObject, type JsonObject } from '#shared/json.ts';
import type { ProviderCall } from '../completion/chat-provider.ts';
import type { Call, Target } from './call.ts';
import { setMember } from './json-splice.ts';

export type RequestOptions = {
  isStream: boolean;
  signal: AbortSignal;
  /** What one answer may have at most where the caller's budget leaves less than the model would give. */
  outputCap: number | null;
  /** For vendors that fetch no URLs: the body with every image in it. */
  inlineImages: (body: JsonObject) => Promise<JsonObject>;
};

/** Asked for where the vendor wants a limit and neither the caller nor the catalogue names one. */
const defaultOutputTokens = 4_096;

/** What a target is sent: the caller's own bytes as far as it speaks the caller's protocol. */
export async function providerRequest(call: Call, target: Target, options: RequestOptions): Promise<ProviderCall> {
  const { translation, model } = target;
  const common = { model, headers: call.headers, requestId: call.requestId, signal: options.signal };
  const asked = call.bodyFor ? { ...call, ...composed(call.bodyFor(target)) } : call;
  const own = withoutWish(target, target.provider.fetchesImages ? asked : await withImages(asked, options));
  const changes = { ...capped(own, target, options), ...(options.isStream && withUsage(own, target)) };
  if (translation) {
    const maxOutputTokens = target.card.maxOutputTokens ?? defaultOutputTokens;
    const { outputLimitField } = target.provider;
    const body = translation.request({ ...own.body, ...changes }, { model, maxOutputTokens, outputLimitField });
    const { rawBody } = withoutWish(target, { ...composed(body), protocol: translation.vendor });
    return { ...common, protocol: translation.vendor, body: rawBody };
  }
  const named = model === call.model ? changes : { ...changes, model };
  let body = own.rawBody;
  for (const [name, value] of Object.entries(named)) body = setMember(body, name, value);
  return { ...common, protocol: call.protocol, body };
}

/** Whether the caller of a stream wants the event that tells what was used; we ask for it in any case. */
export function asksForUsage({ body }: Pick<Call, 'body'>): boolean {
  return streamOptions(body)['include_usage'] === true;
}

type Own = Pick<Call, 'protocol' | 'body' | 'rawBody'>;

async function withImages({ protocol, body, rawBody }: Call, { inlineImages }: RequestOptions): Promise<Own> {
  const inlined = await inlineImages(body);
  if (inlined === body) return { protocol, body, rawBody };
  return { protocol, body: inlined, rawBody: Buffer.from(JSON.stringify(inlined)) };
}

function withUsage(own: Own, { provider }: Target): JsonObject {
  if (own.protocol !== 'chat-completions' || provider.tellsUsageUnasked || asksForUsage(own)) return {};
  return { stream_options: { ...streamOptions(own.body), include_usage: true } };
}

/** Without the wish for usage, for a vendor who says it anyway and refuses to be asked. */
function withoutWish({ provider }: Target, own: Own): Own {
  if (!provider.tellsUsageUnasked || own.body['stream_options'] === undefined) return own;
  const { stream_options: _wish, ...body } = own.body;
  return { ...own, ...composed(body) };
}

function composed(body: JsonObject): Pick<Own, 'body' | 'rawBody'> {
  return { body, rawBody: Buffer.from(JSON.stringify(body)) };
}

function capped({ protocol }: Own, { provider }: Target, { outputCap }: RequestOptions): JsonObject {
  if (outputCap === null) return {};
  if (protocol === 'responses') return { max_output_tokens: outputCap };
  if (protocol !== 'chat-completions') return {};
  return { [provider.outputLimitField]: outputCap };
}

function streamOptions(body: JsonObject): JsonObject {
  const options = body['stream_options'];
  return isObject(options) ? options : {};
}
