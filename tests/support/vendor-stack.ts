import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { createFakeAnthropic } from './fake-anthropic.ts';
import { createFakeOpenAi } from './fake-openai.ts';
import { startTestStack, type TestStack } from './stack.ts';
import { createGate, type StreamBreak } from './vendor-script.ts';
import type { FakeVendor } from './vendor-server.ts';

export const gpt = 'gpt-4o';
export const claude = 'claude-sonnet-4-6';
export const said = [{ role: 'user' as const, content: 'hello' }];
export const weather = { id: 'call_1', name: 'weather', arguments: { city: 'Köln' } };
export const weatherSchema = {
  type: 'object' as const,
  properties: { city: { type: 'string' as const } },
  required: ['city'],
};
export const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

export type VendorStack = {
  stack: TestStack;
  openai: OpenAI;
  anthropic: Anthropic;
  vendorOf: (model: string) => FakeVendor;
  /** What the vendor of the model was sent last. */
  lastBody: (model: string) => unknown;
  /** Closes the breakers that an earlier test may have opened half-way, and forgets its requests. */
  reset: () => Promise<void>;
  stop: () => Promise<void>;
};

/** The unmodified SDKs in front of the whole stack, and behind it vendors that speak their own protocols. */
export async function startVendorStack(): Promise<VendorStack> {
  const [openAiVendor, anthropicVendor] = await Promise.all([createFakeOpenAi(), createFakeAnthropic()]);
  const stack = await startTestStack({
    extraEnv: {
      chat: {
        OPENAI_API_KEY: openAiVendor.apiKey,
        OPENAI_BASE_URL: `${openAiVendor.url}/v1`,
        ANTHROPIC_API_KEY: anthropicVendor.apiKey,
        ANTHROPIC_BASE_URL: anthropicVendor.url,
        PROVIDER_RETRIES: '0',
        PROVIDER_IDLE_SECONDS: '1',
      },
    },
  });
  const openai = new OpenAI({ baseURL: `${stack.gatewayUrl}/v1`, apiKey: stack.key, maxRetries: 0 });
  const anthropic = new Anthropic({ baseURL: stack.gatewayUrl, apiKey: stack.key, maxRetries: 0 });
  const vendorOf = (model: string): FakeVendor => (model === gpt ? openAiVendor : anthropicVendor);
  return {
    stack,
    openai,
    anthropic,
    vendorOf,
    lastBody: (model) => vendorOf(model).requests.at(-1)?.body,
    reset: async () => {
      for (const model of [gpt, claude]) await openai.chat.completions.create({ model, messages: said });
      for (const vendor of [openAiVendor, anthropicVendor]) vendor.requests.length = 0;
    },
    stop: async () => {
      await stack.stop();
      await Promise.all([openAiVendor.close(), anthropicVendor.close()]);
    },
  };
}

/** Every way in which a stream does not become whole. */
export const streamBreaks: readonly StreamBreak[] = ['cut', 'end', 'error', 'garbage', 'hang'];

/** Lets the vendor's next stream begin and stop in the middle of its text. */
export function stopInTheMiddle(vendor: FakeVendor, kind: StreamBreak): void {
  vendor.next({ breakAfter: { events: 4, with: kind } });
}

/**
 * For how many milliseconds a vendor works on for a client that leaves. `begin` reads until there is text, and gives
 * how to leave.
 */
export async function workAfterAbort(vendor: FakeVendor, begin: () => Promise<() => void>): Promise<number> {
  const gate = createGate();
  vendor.next({ beforeEvent: (index) => (index > 4 ? gate.opened : undefined) });
  const leave = await begin();
  const leftAt = performance.now();
  leave();
  const { aborted } = await vendor.received(1);
  await aborted;
  gate.open();
  return performance.now() - leftAt;
}

/** Reads a stream to its end. Whether it breaks before its first event or after it is a matter of packets. */
export async function drained(stream: PromiseLike<AsyncIterable<unknown>>): Promise<void> {
  for await (const _ of await stream);
}
