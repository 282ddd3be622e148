import { gatewaySettings } from '../../ops/gateway/settings.ts';
import { generateSigningKeys } from '../../ops/local/signing-key.ts';

/** For a gateway that has one address for all backends. */
export async function settingsBefore(url: string): Promise<Record<string, string>> {
  return gatewaySettings(
    {},
    {
      ENVIRONMENT: 'local',
      LOG_LEVEL: 'error',
      AUTH_SERVICE_URL: url,
      CHAT_SERVICE_URL: url,
      ASSET_SERVICE_URL: url,
      GATEWAY_SIGNING_KEY: (await generateSigningKeys()).privateKey,
    },
  );
}
