import type { Readable } from 'node:stream';
import { AppError } from '#shared/http/error.ts';
import { lineStart } from './event-lines.ts';
import { StreamReader } from './stream-reader.ts';
import type { StreamDialect } from './stream-dialect.ts';

/**
 * Waits until a stream has something to say, so that an answer which is an error or nothing at all can still be asked
 * for elsewhere. What was read is put back.
 */
export async function firstBytes(body: Readable, dialect: StreamDialect, signal: AbortSignal): Promise<Readable> {
  // It may fail between here and whoever reads on, who finds it destroyed; without a listener the process would end.
  body.on('error', ignore);
  await readable(body, signal);
  const first: unknown = body.read();
  if (!Buffer.isBuffer(first)) throw new AppError('upstream_failed', 'The provider ended its answer before it began');
  // Only whole lines: what follows may be the first half of one.
  const lines = first.subarray(0, lineStart(first));
  const { error } = new StreamReader(dialect, { hidesUsage: false }).read(lines);
  if (error !== undefined) {
    body.destroy();
    throw new AppError('upstream_failed', `The provider reported an error: ${error}`);
  }
  body.unshift(first);
  return body;
}

async function readable(body: Readable, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const settle = (act: () => void) => (): void => {
      body.off('readable', onReadable).off('end', onReadable).off('error', onError).off('close', onReadable);
      signal.removeEventListener('abort', onAbort);
      act();
    };
    const onReadable = settle(resolve);
    const onError = (cause: Error): void => settle(() => reject(cause))();
    const onAbort = settle(() => {
      body.destroy();
      reject(signal.reason);
    });
    body.once('readable', onReadable).once('end', onReadable).once('error', onError).once('close', onReadable);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
  });
}

function ignore(): void {
  // Whoever reads the stream deals with its errors.
}
