// java FtpsMatrix CA CLIENT.p12 PASSWORD USER PASSWORD: an FTPS client of Apache Commons Net. Each line of standard input
// is one session: kind, TLS version, mode, whether a certificate is shown, port, file to send, its name, file to write.

import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import org.apache.commons.net.ftp.FTP;
import org.apache.commons.net.ftp.FTPSClient;
import org.apache.commons.net.ftp.FTPReply;

public class FtpsMatrix {
    static TrustManager trust(String file) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream in = new FileInputStream(file)) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        return factory.getTrustManagers()[0];
    }

    static KeyManager key(String file, String password) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = new FileInputStream(file)) {
            store.load(in, password.toCharArray());
        }
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(store, password.toCharArray());
        return factory.getKeyManagers()[0];
    }

    static void check(boolean good, FTPSClient ftp, String what) throws Exception {
        if (!good) {
            throw new Exception(what + ": " + ftp.getReplyString());
        }
    }

    static void session(String[] words, String[] args) throws Exception {
        FTPSClient ftp = new FTPSClient("TLS", words[0].equals("implicit"));
        ftp.setEnabledProtocols(new String[] {"TLSv" + words[1]});
        ftp.setTrustManager(trust(args[0]));
        if (Boolean.parseBoolean(words[3].toLowerCase())) {
            ftp.setKeyManager(key(args[1], args[2]));
        }
        ftp.setConnectTimeout(30000);
        ftp.setDefaultTimeout(30000);
        ftp.connect("127.0.0.1", Integer.parseInt(words[4]));
        check(FTPReply.isPositiveCompletion(ftp.getReplyCode()), ftp, "connect");
        check(ftp.login(args[3], args[4]), ftp, "login");
        ftp.execPBSZ(0);
        ftp.execPROT("P");
        check(ftp.setFileType(FTP.BINARY_FILE_TYPE), ftp, "TYPE");
        if (words[2].equals("active")) {
            ftp.enterLocalActiveMode();
        } else {
            ftp.setUseEPSVwithIPv4(words[2].equals("EPSV"));
            ftp.enterLocalPassiveMode();
        }
        check(ftp.changeWorkingDirectory("in"), ftp, "CWD");
        try (InputStream in = new FileInputStream(words[5])) {
            check(ftp.storeFile(words[6], in), ftp, "STOR");
        }
        try (OutputStream out = new FileOutputStream(words[7])) {
            check(ftp.retrieveFile(words[6], out), ftp, "RETR");
        }
        String[] names = ftp.listNames();
        check(names != null && Arrays.asList(names).contains(words[6]), ftp, "NLST");
        ftp.logout();
        ftp.disconnect();
    }

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String answer = "ok";
            try {
                session(line.split("\t"), args);
            } catch (Exception failed) {
                answer = failed.toString().replace('\n', ' ').replace('\r', ' ');
            }
            System.out.println(answer);
            System.out.flush();
        }
    }
}
