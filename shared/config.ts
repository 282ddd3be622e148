/** What zod and zod/mini schemas have in common, so that the edge may use the small one. */
export type ConfigSchema<T> = {
  safeParse(
    input: unknown,
  ):
    | { success: true; data: T }
    | { success: false; error: { issues: readonly { path: PropertyKey[]; message: string }[] } };
};

/** Names the variables that are wrong and never their values, so that it may be printed anywhere. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Parses an environment once, at start-up; an empty variable counts as one that is not set, and so does workerd's null. */
export function parseConfig<T>(schema: ConfigSchema<T>, env: Record<string, unknown>): T {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== '' && value !== null));
  const result = schema.safeParse(set);
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => `  ${issue.path.map(String).join('.')}: ${issue.message}`);
  throw new ConfigError(`The configuration is not usable:\n${lines.join('\n')}`);
}
