"""The whole stack on one machine, made from the template that is deployed."""
