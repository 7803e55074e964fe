"use strict";
// The API's description, with the page's token on whatever changes something.
window.addEventListener("load", () => {
  SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger", validatorUrl: null });
});
