package main

import (
	"bufio"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var encode = base64.RawURLEncoding.EncodeToString

// Tokens of golang-jwt with key pairs of its own: `client keys ISSUER USER`. Each is a line of JSON with its public key. Then a line of standard
// input names a key set and a token to verify with it.
func signWithKeys(issuer, user string) {
	rsaKey, _ := rsa.GenerateKey(rand.Reader, 2048)
	tellToken(jwt.SigningMethodRS256, rsaKey, issuer, user, map[string]string{
		"kty": "RSA", "n": encode(rsaKey.N.Bytes()), "e": encode(big.NewInt(int64(rsaKey.E)).Bytes()),
	})
	ecKey, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	tellToken(jwt.SigningMethodES256, ecKey, issuer, user, map[string]string{
		"kty": "EC", "crv": "P-256", "x": encode(ecKey.X.FillBytes(make([]byte, 32))), "y": encode(ecKey.Y.FillBytes(make([]byte, 32))),
	})
	public, edKey, _ := ed25519.GenerateKey(rand.Reader)
	tellToken(jwt.SigningMethodEdDSA, edKey, issuer, user, map[string]string{"kty": "OKP", "crv": "Ed25519", "x": encode(public)})
	fmt.Println("ready")
	line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	address, token, _ := strings.Cut(strings.TrimSpace(line), " ")
	verifyWithSet(address, token)
}

func tellToken(method jwt.SigningMethod, key crypto.Signer, issuer, user string, jwk map[string]string) {
	now := time.Now()
	jwk["kid"] = "golang-jwt " + method.Alg()
	token := jwt.NewWithClaims(method, jwt.MapClaims{
		"iss": issuer, "aud": "hub", "sub": user, "iat": jwt.NewNumericDate(now), "exp": jwt.NewNumericDate(now.Add(time.Hour)),
	})
	token.Header["kid"] = jwk["kid"]
	text, err := token.SignedString(key)
	if err != nil {
		panic(err)
	}
	line, _ := json.Marshal(map[string]any{"jwk": jwk, "token": text})
	fmt.Println(string(line))
}

func verifyWithSet(address, text string) {
	response, err := http.Get(address)
	if err != nil {
		panic(err)
	}
	var set struct {
		Keys []struct{ Kid, X string }
	}
	if err := json.NewDecoder(response.Body).Decode(&set); err != nil {
		panic(err)
	}
	token, err := jwt.Parse(text, func(token *jwt.Token) (any, error) {
		for _, key := range set.Keys {
			if key.Kid == token.Header["kid"] {
				x, err := base64.RawURLEncoding.DecodeString(key.X)
				return ed25519.PublicKey(x), err
			}
		}
		return nil, fmt.Errorf("no key %v", token.Header["kid"])
	}, jwt.WithIssuer("campanile"), jwt.WithValidMethods([]string{"EdDSA"}))
	if err != nil {
		panic(err)
	}
	subject, _ := token.Claims.GetSubject()
	line, _ := json.Marshal(map[string]string{"verified": "golang-jwt", "sub": subject})
	fmt.Println(string(line))
}
