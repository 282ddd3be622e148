/** What the gateway answers by itself; app.ts says how. */
export const ownPaths: ReadonlySet<string> = new Set(['/', '/health', '/ready', '/version']);

/** The methods of all of them. */
export const ownMethods = 'GET, HEAD';
