import { finished } from 'node:stream/promises';
import { describe, it } from 'vitest';
import { speaking, startUnderTest, streaming } from '../../../../tests/support/providers-under-test.ts';

// The HTTP client looks at its deadlines about once a second, so these wait for theirs together.
describe.concurrent('a vendor that says nothing', () => {
  it.for(speaking)('$name: in time is timed out', async (spoken, { expect, onTestFinished }) => {
    const timeouts = { connectMs: 500, idleMs: 500, totalMs: 300 };
    const { vendor, provider, call, close } = await startUnderTest(spoken, { timeouts });
    onTestFinished(close);
    vendor.always({ hang: true });
    const calls = [
      provider.complete(call()),
      provider.stream(call({ stream: true })),
      Promise.resolve(provider.check?.(new AbortController().signal)),
    ];
    for (const outcome of await Promise.allSettled(calls)) {
      const reason = { code: 'upstream_timeout', options: { sideEffectPossible: true } };
      expect(outcome).toMatchObject({ status: 'rejected', reason });
    }
  });

  it.for(streaming)(
    '$name: any more breaks its stream at the idle limit',
    async (spoken, { expect, onTestFinished }) => {
      const timeouts = { connectMs: 500, idleMs: 300, totalMs: 5_000 };
      const { vendor, provider, call, close } = await startUnderTest(spoken, { timeouts });
      onTestFinished(close);
      vendor.next({ breakAfter: { events: 2, with: 'hang' } });
      const stream = await provider.stream(call({ stream: true }));
      await expect(finished(stream.resume())).rejects.toMatchObject({ code: 'UND_ERR_BODY_TIMEOUT' });
      await vendor.requests[0]?.aborted;
    },
  );
});
