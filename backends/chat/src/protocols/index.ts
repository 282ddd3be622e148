import { AppError } from '#shared/http/error.ts';
import { chatOnMessages } from './chat-on-messages/chat-on-messages.ts';
import { compose } from './compose.ts';
import { messagesOnChat } from './messages-on-chat/messages-on-chat.ts';
import type { Protocol, Translation } from './protocol.ts';
import { namesInResponses, responsesOnChat } from './responses-on-chat/responses-on-chat.ts';

/** Every translation there is; a new one is a line here. */
const translations: readonly Translation[] = [
  chatOnMessages,
  messagesOnChat,
  responsesOnChat,
  compose(responsesOnChat, chatOnMessages, namesInResponses),
];

/** Null where the vendor speaks the caller's protocol; else by what the vendor speaks best. */
export function translationFor(caller: Protocol, vendor: readonly Protocol[]): Translation | null {
  if (vendor.includes(caller)) return null;
  const [translation] = vendor.flatMap((spoken) =>
    translations.filter((one) => one.caller === caller && one.vendor === spoken),
  );
  if (translation) return translation;
  const message = `This model cannot be used for ${caller}`;
  throw new AppError('validation_failed', message, { errors: [{ path: 'model', message }] });
}
