/**
 * Resolves when the work has settled or the time is over, whichever comes first. Work of another request is only ever
 * awaited like this: workerd passes its result on to us, but when the platform ends that request, it never settles.
 */
export async function settledWithin(work: Promise<unknown>, ms: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  try {
    await Promise.race([work.catch(() => undefined), late]);
  } finally {
    clearTimeout(timer);
  }
}
