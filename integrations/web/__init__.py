"""The pages people see: parse the request, call one flow, render. No token reaches this far."""
