import type { OpenApiDocument } from '#shared/contracts/openapi.ts';

/** Scalar from its CDN, pinned and checked by the browser: a changed file does not run. */
const scalar = {
  src: 'https://cdn.jsdelivr.net/npm/@scalar/api-reference@1.72.1/dist/browser/standalone.js',
  integrity: 'sha384-U11tb2XnKvmwt8RlTvnwUnYgrN+ur4Xyh9htLhjajWNR/Oyl5AX5DEz00qRmlrmK',
};

/** The page may run that one script and talk to this origin; Scalar brings its styles along inline. */
export const docsContentSecurityPolicy = [
  "default-src 'none'",
  `script-src ${scalar.src}`,
  "style-src 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * The reference as a page. The plain list is what a reader without that CDN (offline, or without scripts) gets;
 * once Scalar has drawn itself, the list is hidden.
 */
export function docsPage(document: OpenApiDocument): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gaia API reference</title>
<style>${style}</style>
</head>
<body>
<script id="api-reference" data-url="/openapi.json" data-configuration="${escape(configuration)}"></script>
<main id="plain">
<h1>Gaia API reference</h1>
<p>Version ${escape(document.info.version)} · <a href="/openapi.json">openapi.json</a> · send your key as <code>X-API-Key</code> or <code>Authorization: Bearer</code></p>
${sections(document)}
</main>
<script src="${scalar.src}" integrity="${scalar.integrity}" crossorigin="anonymous"></script>
</body>
</html>
`;
}

const configuration = JSON.stringify({
  url: '/openapi.json',
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  showDeveloperTools: 'never',
});

const style = `
#plain{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}
h2{margin:2rem 0 .5rem;font-size:1.1rem}table{border-collapse:collapse;width:100%}
td{padding:.35rem .75rem .35rem 0;border-top:1px solid #ddd;vertical-align:top}
td:first-child{width:5rem;font-weight:600}code{font:14px ui-monospace,monospace}.scope{color:#757575}
@media (prefers-color-scheme:dark){body{background:#0f0f0f}#plain{color:#e7e7e7}td{border-color:#333}a{color:#4eb3ec}}
body:has(.scalar-app) #plain{display:none}`;

type Row = { tag: string; method: string; path: string; summary: string; scope: string };

function sections(document: OpenApiDocument): string {
  const byTag = Map.groupBy(rows(document), (row) => row.tag);
  return [...byTag]
    .map(([tag, tagRows]) => `<h2>${escape(tag)}</h2>\n<table>${tagRows.map(tableRow).join('')}</table>`)
    .join('\n');
}

function tableRow({ method, path, summary, scope }: Row): string {
  return `<tr><td>${method}</td><td><code>${escape(path)}</code></td><td>${escape(summary)}</td><td class="scope">${escape(scope)}</td></tr>\n`;
}

function rows(document: OpenApiDocument): Row[] {
  return Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    (['get', 'post', 'put', 'patch', 'delete'] as const).flatMap((method) => {
      const operation = item[method];
      if (!operation) return [];
      const scope = operation.security?.length === 0 ? 'public' : String(operation['x-required-scope'] ?? '');
      return {
        tag: operation.tags?.[0] ?? '',
        method: method.toUpperCase(),
        path,
        summary: operation.summary ?? '',
        scope,
      };
    }),
  );
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
