import type { ChatProvider, ProviderCall } from '../completion/chat-provider.ts';
import type { Protocol } from '../protocols/protocol.ts';
import type { VendorConnection, VendorPost } from './vendor-connection.ts';

export type HttpProviderOptions = Pick<
  ChatProvider,
  | 'id'
  | 'name'
  | 'aliases'
  | 'fetchesImages'
  | 'tellsUsageUnasked'
  | 'outputLimitField'
  | 'models'
  | 'find'
  | 'findUnlisted'
> & {
  connection: VendorConnection;
  /** Where each protocol is spoken; the best protocol first. */
  paths: ReadonlyMap<Protocol, string>;
  /** The callers' headers that this vendor gets to see. */
  passedHeaders: readonly string[];
  /** The vendor's name for the header that carries our request id, if it takes one. */
  requestIdHeader?: string;
  /** A path that costs nothing and wants our key. */
  checkPath: string;
};

/** A provider behind HTTP, whose requests and answers pass through as bytes. */
export function createHttpProvider({ connection, paths, checkPath, ...options }: HttpProviderOptions): ChatProvider {
  const { passedHeaders, requestIdHeader, ...traits } = options;
  const post = ({ protocol, body, requestId, headers, signal }: ProviderCall): VendorPost => {
    const path = paths.get(protocol);
    if (path === undefined) throw new Error(`${traits.id} does not speak ${protocol}`);
    const passed: Record<string, string> = requestIdHeader ? { [requestIdHeader]: requestId } : {};
    for (const name of passedHeaders) if (headers[name] !== undefined) passed[name] = headers[name];
    return { path, body, headers: passed, signal };
  };
  return {
    ...traits,
    answersBareIds: true,
    speaks: [...paths.keys()],
    complete: async (call) => await connection.json(post(call)),
    stream: async (call) => await connection.events(post(call)),
    check: async (signal) => await connection.probe(checkPath, signal),
    close: async () => await connection.close(),
  };
}
