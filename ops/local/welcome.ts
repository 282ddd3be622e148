/** What is printed when everything is up: where, with what key, and two things to paste. */
export function welcome({ url, key }: { url: string; key: string }): string {
  return `
Gaia is ready.

  URL  ${url}
  Key  ${key}

A streamed chat completion (model local/echo needs no provider key):

  curl -N ${url}/v1/chat/completions \\
    -H 'Authorization: Bearer ${key}' \\
    -H 'Content-Type: application/json' \\
    -d '{"model":"local/echo","stream":true,"messages":[{"role":"user","content":"Hello, Gaia"}]}'

The same with the OpenAI SDK, from this folder:

  node --input-type=module -e "
  import OpenAI from 'openai';
  const client = new OpenAI({ baseURL: '${url}/v1', apiKey: '${key}' });
  const messages = [{ role: 'user', content: 'Hello, Gaia' }];
  const stream = await client.chat.completions.create({ model: 'local/echo', stream: true, messages });
  for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta?.content ?? '');
  "

Ctrl-C stops everything.
`;
}
