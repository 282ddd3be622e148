/** Texts may come from a provider, which may send what Postgres cannot hold. */
export function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}
