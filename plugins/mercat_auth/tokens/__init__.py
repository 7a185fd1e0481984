"""What somebody who has signed in carries along: access tokens, refresh tokens, cookies."""
