// Copyright (C) the ngx_gateway authors
//
// Usage: jose_sign.js FILE
//
// Keys and tokens made by jose.  FILE is JSON:
//
//     { "keys":   { NAME: { "alg": "RS256", "kid": "a", "crv": "Ed448",
//                           "bits": 3072, "secret": "..." } },
//       "tokens": { NAME: { "key": NAME, "alg": "...", "kid": "...",
//                           "header": {...}, "claims": {...} } } }
//
// and the output is JSON too: "jwk" and "pem" of the public keys by their
// names, and "tokens".  A file "keys" names keeps the keys for a later run:
// jose_sign.js FILE KEYS.

'use strict';

const fs = require('fs');
const jose = require('jose');

async function make(spec) {
    if (spec.secret) {
        return { secret: new TextEncoder().encode(spec.secret) };
    }

    const pair = await jose.generateKeyPair(spec.alg, {
        crv: spec.crv, modulusLength: spec.bits, extractable: true,
    });

    return { private: pair.privateKey, public: pair.publicKey };
}

async function load(spec, saved) {
    if (!saved) {
        return make(spec);
    }

    return { private: await jose.importPKCS8(saved, spec.alg),
             public: await jose.importSPKI(
                 require('crypto').createPublicKey(saved)
                     .export({ type: 'spki', format: 'pem' }), spec.alg) };
}

async function main() {
    const spec = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
    const store = process.argv[3];
    const saved = store && fs.existsSync(store)
        ? JSON.parse(fs.readFileSync(store, 'utf8')) : {};
    const keys = {};
    const out = { jwk: {}, pem: {}, tokens: {} };

    for (const [name, one] of Object.entries(spec.keys)) {
        keys[name] = await load(one, saved[name]);

        if (keys[name].public) {
            saved[name] = await jose.exportPKCS8(keys[name].private);
            out.pem[name] = await jose.exportSPKI(keys[name].public);
            out.jwk[name] = await jose.exportJWK(keys[name].public);

            if (one.kid) {
                out.jwk[name].kid = one.kid;
            }

            if (!one.bare) {
                out.jwk[name].use = 'sig';
                out.jwk[name].alg = one.alg;
            }
        }
    }

    if (store) {
        fs.writeFileSync(store, JSON.stringify(saved));
    }

    for (const [name, one] of Object.entries(spec.tokens)) {
        const key = keys[one.key];
        const header = Object.assign(
            { alg: one.alg || spec.keys[one.key].alg, typ: 'JWT' },
            spec.keys[one.key].kid ? { kid: spec.keys[one.key].kid } : {},
            one.header || {});

        for (const member of Object.keys(header)) {
            if (header[member] === null) {
                delete header[member];
            }
        }

        out.tokens[name] = await new jose.SignJWT(one.claims || {})
            .setProtectedHeader(header)
            .sign(key.secret || key.private);
    }

    process.stdout.write(JSON.stringify(out));
}

main().catch((e) => { console.error(e); process.exit(1); });
