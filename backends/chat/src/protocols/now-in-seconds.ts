/** For `created`, where a vendor does not say when it answered. */
export function nowInSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
