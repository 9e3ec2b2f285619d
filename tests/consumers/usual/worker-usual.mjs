export default {
  async fetch(request) {
    const header = (name) => request.headers.get(name) ?? "";
    const body = new TextEncoder().encode(await request.text());
    const ascii = (text) => new TextEncoder().encode(text);
    const timestamp = header("x-spectrum-timestamp");
    const hex = header("x-spectrum-signature").slice(3).match(/../g) ?? [];
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", ascii(SECRET), algorithm, false, ["verify"]);
    const signed = new Uint8Array([...ascii(`v0:${timestamp}:`), ...body]);
    const given = Uint8Array.from(hex, (pair) => parseInt(pair, 16));
    const fresh = /^\d+$/.test(timestamp) && Math.abs(Date.now() / 1000 - timestamp) <= 300;
    const good = fresh && (await crypto.subtle.verify("HMAC", key, given, signed));
    return new Response(null, { status: good ? 204 : 401 });
  },
};
