// Copyright (C) the ngx_gateway authors
//
// Usage: oidc_server.js PORT
//
// An OpenID provider (oidc-provider) with one client, "shop", which gets
// access tokens that are JWTs from POST /token.  POST /control?alg=ES256 gives
// it a key of that kind, instead of the one it has; the tokens it issues from
// then on are signed with that one.  GET /control tells how often /jwks was
// asked for.  Says "ready" once it listens.

'use strict';

const http = require('http');
const path = require('path');
const { URL } = require('url');
const jose = require('jose');

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;

let Provider, handle;
let asked = 0;
let number = 0;
let keys = [];

async function rotate(alg) {
    const { privateKey } = await jose.generateKeyPair(alg, {
        extractable: true,
    });
    const jwk = await jose.exportJWK(privateKey);

    Object.assign(jwk, { use: 'sig', alg, kid: `key-${++number}` });

    // the key before stays for a while, as providers do it
    keys = [jwk].concat(keys.slice(0, 1));

    const provider = new Provider(issuer, {
        jwks: { keys },
        enabledJWA: {
            idTokenSigningAlgValues: ['RS256', 'RS384', 'RS512', 'PS256',
                                      'PS384', 'PS512', 'ES256', 'ES384',
                                      'ES512', 'EdDSA'],
        },
        clients: [{
            client_id: 'shop', client_secret: 'shops-secret',
            grant_types: ['client_credentials'], redirect_uris: [],
            response_types: [], id_token_signed_response_alg: alg,
        }],
        features: {
            devInteractions: { enabled: false },
            clientCredentials: { enabled: true },
            resourceIndicators: {
                enabled: true,
                defaultResource: () => 'urn:orders',
                getResourceServerInfo: () => ({
                    scope: 'read write', audience: 'orders',
                    accessTokenFormat: 'jwt', accessTokenTTL: 600,
                    jwt: { sign: { alg } },
                }),
            },
        },
        extraTokenClaims: () => ({ groups: ['shop', 'staff'],
                                   tenant: 'acme' }),
    });

    handle = provider.callback();
}

async function main() {
    const { default: imported } = await import(
        path.join(process.env.NODE_PATH, 'oidc-provider/lib/index.js'));

    Provider = imported;
    await rotate('RS256');

    http.createServer(async (req, res) => {
        const url = new URL(req.url, issuer);

        if (url.pathname === '/control') {
            if (req.method === 'POST') {
                await rotate(url.searchParams.get('alg'));
            }

            res.end(JSON.stringify({ asked, kid: keys[0].kid }));
            return;
        }

        if (url.pathname === '/jwks') {
            asked++;
        }

        handle(req, res);
    }).listen(port, '127.0.0.1', () => console.log('ready'));
}

main().catch((e) => { console.error(e); process.exit(1); });
