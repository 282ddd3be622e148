import type { Hono } from 'hono';
import { createChatCompletion as contract } from '#shared/contracts/chat.ts';
import { clientLeft, eventStreamSink, sendBytes } from '#shared/service/direct-answer.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from '../completion/catalogue.ts';
import type { Completions } from '../completion/completions.ts';
import { renameModel } from '../completion/rename-model.ts';

type Services = { catalogue: Catalogue; completions: Completions };

export function createChatCompletionRoute(app: Hono<ServiceEnv>, { catalogue, completions }: Services): void {
  mount(app, contract, async ({ c, body, rawBody }) => {
    const selection = catalogue.select(body.model);
    const request = {
      body: selection.model === body.model ? rawBody : renameModel(rawBody, selection.model),
      requestId: c.get('requestId'),
      clientLeft: clientLeft(c),
    };
    if (!body.stream) return sendBytes(c, await completions.unary(selection, request), 'application/json');
    const sink = eventStreamSink(c);
    await completions.stream(selection, request, sink);
    return sink.response();
  });
}
