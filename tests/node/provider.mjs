// A real OpenID provider on a loopback port, with pages for login and consent that need no script.
//
//   node provider.mjs <redirect URI> ...
//
// Prints its issuer once it listens. Whoever signs in as `name` has the address name@example.com,
// verified unless the name begins with `unverified`; any password will do. Ends with its input.

import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const server = createServer();
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "shop",
      client_secret: "a-secret-of-the-shop-alone",
      redirect_uris: process.argv.slice(2),
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    },
  ],
  claims: {
    openid: ["sub"],
    email: ["email", "email_verified"],
    profile: ["name"],
  },
  cookies: { keys: ["one key of a test"] },
  features: { devInteractions: { enabled: true } },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      name: `Person ${id}`,
      email: `${id}@example.com`,
      email_verified: !id.startsWith("unverified"),
    }),
  }),
  issueRefreshToken: () => true,
  pkce: { required: () => true },
});
provider.on("grant.success", ({ oidc }) => {
  const issued = Object.keys(oidc.entities).join(" ");
  console.log(`issued ${issued} of ${oidc.entities.AccessToken?.accountId}`);
  if (oidc.entities.RefreshToken) console.log(`refresh ${oidc.entities.RefreshToken.jti}`);
});
provider.on("server_error", (_, error) => console.log(`server error: ${error.stack}`));
provider.on("grant.error", (_, error) => console.log(`grant error: ${error.error_detail ?? error}`));

server.on("request", provider.callback());
console.log(issuer);
process.stdin.on("end", () => process.exit(0)).resume();
