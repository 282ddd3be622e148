export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** The fields a log line may have. One that is not named here is dropped: nothing gets logged by accident. */
const fieldNames = [
  'request_id',
  'method',
  'path',
  'route',
  'status',
  'duration_ms',
  'code',
  'error',
  'user_id',
  'key_id',
  'operation',
  'upstream',
  'provider',
  'model',
  'attempt',
  'bytes',
  'port',
  'signal',
  'state',
  'migration',
  'subject',
  'url',
  'count',
] as const;

export type LogFields = Partial<Record<(typeof fieldNames)[number], unknown>>;

export type Logger = Record<LogLevel, (message: string, fields?: LogFields) => void>;

export type LoggerOptions = {
  service: string;
  level: LogLevel;
  /** Gets one finished JSON line without its newline. */
  write: (line: string) => void;
  now?: () => Date;
};

/** Structured JSON lines. Fields pass by allow-list, and secrets that slipped into a text are masked. */
export function createLogger({ service, level, write, now = () => new Date() }: LoggerOptions): Logger {
  const threshold = logLevels.indexOf(level);
  const at = (lineLevel: LogLevel): Logger['info'] => {
    if (logLevels.indexOf(lineLevel) < threshold) return () => undefined;
    return (message, fields = {}) => {
      const line = { time: now().toISOString(), level: lineLevel, service, message: mask(message) };
      write(JSON.stringify(withFields(line, fields)));
    };
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Masks what looks like a credential in text that we did not write ourselves (a vendor's message, a driver's). */
export function mask(text: string): string {
  if (!mayHoldSecret.test(text)) return text;
  return [...credentialShapes, ...secretShapes].reduce(masked, text);
}

/** Masks only what is a credential by its own shape: for text of ours that may name a field called `token`. */
export function maskCredentials(text: string): string {
  return mayHoldCredential.test(text) ? credentialShapes.reduce(masked, text) : text;
}

function masked(text: string, [shape, replacement]: Shape): string {
  return text.replace(shape, replacement);
}

/** One cheap look that nearly all text fails; masking costs more than the rest of a log line. */
const mayHoldSecret = /gaia[_-]|eyJ|\b[spr]k[-_]|:\/\/|bearer|key|token|secret|password/i;

const mayHoldCredential = /gaia[_-]|eyJ|\b[spr]k[-_]/i;

type Shape = readonly [RegExp, string];

/** Each looks at a stretch of text once, or at a bounded part of it: 16 kB in a URL must not cost half a second. */
const credentialShapes: readonly Shape[] = [
  [/\b(gaia[_-](?:[A-Za-z]+)[_-][A-Za-z0-9]{4})[A-Za-z0-9_]+/g, '$1…'],
  [/\beyJ[\w-]{1,256}\.[\w-]+\.[\w-]*/g, 'eyJ…'],
  [/\b(sk|pk|rk)[-_][\w-]{8,}/g, '$1-…'],
];
const secretShapes: readonly Shape[] = [
  [/\b(\w{1,32}:\/\/)[^\s/@:]*:[^\s/@]*@/g, '$1…@'],
  [/\b(bearer\s+)[\w.~+/=-]{8,}/gi, '$1…'],
  [/\b((?:api[_-]?key|token|secret|password)["']?\s*[=:]\s*["']?)[^\s"'&,}]{4,}/gi, '$1…'],
];

function withFields(line: Record<string, unknown>, fields: LogFields): Record<string, unknown> {
  for (const name of fieldNames) {
    const value = fields[name];
    if (value !== undefined) line[name] = loggable(value);
  }
  return line;
}

function loggable(value: unknown): unknown {
  if (typeof value === 'string') return mask(value).slice(0, 2_000);
  if (value instanceof Error) return loggableError(value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  return mask(JSON.stringify(value)).slice(0, 200);
}

function loggableError(error: Error): Record<string, unknown> {
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  const cause = error.cause === undefined ? {} : { cause: loggable(error.cause) };
  const frames = error.stack === undefined ? [] : mask(error.stack).split('\n').slice(1, 9);
  const stack = frames.length === 0 ? {} : { stack: frames.join('\n') };
  return { name: error.name, message: mask(error.message).slice(0, 2_000), ...code, ...cause, ...stack };
}
