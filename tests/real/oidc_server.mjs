// A real OpenID provider (npm oidc-provider) for the tests: in memory, on loopback.
//
//   node oidc_server.mjs '{"port": 0, "redirect_uris": ["http://…"]}'
//
// prints one line of JSON, {"issuer", "client_id", "client_secret"}, when it listens. It ends with its standard
// input, so it never outlives the tests. Sign-in takes any name; GET /api/notes wants the scope notes:read. With
// {"api": {"audience": "http://…", "scope": "…"}} the client may also ask for JWT access tokens for itself, for that API.

import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const { port = 0, redirect_uris, api } = JSON.parse(process.argv[2]);
const client = { client_id: 'hub', client_secret: 'a secret: 100% real+true' };

const server = createServer();
await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [{
    ...client,
    redirect_uris,
    grant_types: ['authorization_code', 'refresh_token', ...(api ? ['client_credentials'] : [])],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_basic',
  }],
  scopes: ['openid', 'offline_access', 'notes:read', 'notes:write'],
  claims: { openid: ['sub'], profile: ['name'], email: ['email'] },
  findAccount: async (ctx, id) => ({
    accountId: id,
    claims: async () => ({ sub: id, name: `Real ${id}`, email: `${id}@example.test` }),
  }),
  features: {
    devInteractions: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: true },
    ...(api && {
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({ ...api, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
      },
    }),
  },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  cookies: { keys: ['cookies of a test server'] },
  ttl: { AccessToken: 3600, AuthorizationCode: 60, IdToken: 86400, RefreshToken: 86400, Grant: 86400, Session: 86400, Interaction: 600 },
});

async function notes(request, response) {
  const [, value] = (request.headers.authorization ?? '').split(' ');
  const token = value && await provider.AccessToken.find(value);
  const status = !token ? 401 : token.scopes.has('notes:read') ? 200 : 403;
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ notes: status === 200 ? [`a note of ${token.accountId}`] : [] }));
}

const oauth = provider.callback();
server.on('request', (request, response) => (request.url === '/api/notes' ? notes : oauth)(request, response));
process.stdin.resume().on('end', () => process.exit(0));
console.log(JSON.stringify({ issuer, ...client }));
