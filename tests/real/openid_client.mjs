// What an application does that uses the npm openid-client: it is told where the hub is, says where a person has to
// go, and reads from its input what comes back. Each line it writes is JSON.
import { createInterface } from "node:readline/promises";
import * as client from "openid-client";

const options = JSON.parse(process.argv[2]);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (document) => console.log(JSON.stringify(document));
const hear = async () => (await lines.next()).value;

const configured = (clientId, authentication) =>
  client.discovery(new URL(options.issuer), clientId, undefined, authentication, {
    algorithm: "oauth2",
    execute: [client.allowInsecureRequests],
  });
const me = async (config, token) => {
  const answer = await client.fetchProtectedResource(config, token, new URL(`${options.api}/me`), "GET");
  return await answer.json();
};

const config = await configured(options.client_id, client.ClientSecretBasic(options.client_secret));
const pkceCodeVerifier = client.randomPKCECodeVerifier();
const expectedState = client.randomState();
const address = client.buildAuthorizationUrl(config, {
  redirect_uri: options.redirect_uri,
  scope: "profile connections:read",
  state: expectedState,
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: "S256",
  resource: options.api,
});
say({ go_to: address.href });
const tokens = await client.authorizationCodeGrant(config, new URL(await hear()), { pkceCodeVerifier, expectedState });
const who = await me(config, tokens.access_token);
const renewed = await client.refreshTokenGrant(config, tokens.refresh_token);
const told = await client.tokenIntrospection(config, renewed.access_token);
await client.tokenRevocation(config, renewed.refresh_token);
const after = await client.tokenIntrospection(config, renewed.access_token);
say({ who, scope: tokens.scope, rotated: renewed.refresh_token !== tokens.refresh_token, told, after });

const device = await configured(options.device_client_id, client.None());
const codes = await client.initiateDeviceAuthorization(device, { scope: "profile" });
say({ codes });
const given = await client.pollDeviceAuthorizationGrant(device, codes);
say({ who: await me(device, given.access_token), has_refresh_token: Boolean(given.refresh_token) });
