import type { ProviderCall } from '../completion/chat-provider.ts';
import type { JsonObject } from '../protocols/protocol.ts';
import type { Call, Target } from './call.ts';
import { setMember } from './json-splice.ts';

/** Asked for where the vendor wants a limit and neither the caller nor the catalogue names one. */
const defaultOutputTokens = 4_096;

/** What a target is sent: the caller's own bytes as far as it speaks the caller's protocol. */
export function providerRequest(call: Call, target: Target, isStream: boolean): Omit<ProviderCall, 'signal'> {
  const { translation, model } = target;
  const common = { model, headers: call.headers, requestId: call.requestId };
  if (!translation) return { ...common, protocol: call.protocol, body: ownRequest(call, model, isStream) };
  const maxOutputTokens = target.card.maxOutputTokens ?? defaultOutputTokens;
  const body = translation.request(call.body, { model, maxOutputTokens });
  return { ...common, protocol: translation.vendor, body: Buffer.from(JSON.stringify(body)) };
}

/** Whether the caller of a stream wants the event that tells what was used; we ask for it in any case. */
export function asksForUsage({ body }: Pick<Call, 'body'>): boolean {
  return streamOptions(body)['include_usage'] === true;
}

function ownRequest(call: Call, model: string, isStream: boolean): Uint8Array {
  const renamed = model === call.model ? call.rawBody : setMember(call.rawBody, 'model', model);
  if (!isStream || call.protocol !== 'chat-completions' || asksForUsage(call)) return renamed;
  return setMember(renamed, 'stream_options', { ...streamOptions(call.body), include_usage: true });
}

function streamOptions(body: JsonObject): JsonObject {
  const options = body['stream_options'];
  return typeof options === 'object' && options !== null ? { ...options } : {};
}
